import type { Tensor } from './gguf-writer.ts';
import { createRandom } from './random.ts';

/** Makes the tensors of an untrained model: random matrices, norms of one, biases of zero. */
export class RandomWeights {
  readonly tensors: Tensor[] = [];
  readonly #random: ReturnType<typeof createRandom>;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  matrix(name: string, dimensions: number[], deviation: number, type: Tensor['type'] = 'F16'): void {
    const count = dimensions.reduce((product, dimension) => product * dimension, 1);
    this.tensors.push({ name, dimensions, type, values: this.#random(count, deviation) });
  }

  ones(name: string, length: number): void {
    this.tensors.push({ name, dimensions: [length], type: 'F32', values: new Float32Array(length).fill(1) });
  }

  zeros(name: string, length: number): void {
    this.tensors.push({ name, dimensions: [length], type: 'F32', values: new Float32Array(length) });
  }
}
