/** A fetch that keeps what comes back, so that a cell sees what its client did not show: the comments of a stream. */
export const createWatchingFetch = () => {
  let seen = '';
  const wrapped: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.body === null) return response;
    const decoder = new TextDecoder();
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          seen += decoder.decode(piece, { stream: true });
          controller.enqueue(piece);
        },
      }),
    );
    return new Response(body, { status: response.status, headers: response.headers });
  };
  return { fetch: wrapped, seen: () => seen };
};
