/** Integer nano-USD (1e-9 USD). The only form in which money is kept, added or compared. */
export type NanoUsd = number;

/**
 * `1234500` becomes `0.0012345`: the exact decimal, never a float, trailing zeros cut, at least one digit after the dot.
 */
export const formatUsd = (amount: NanoUsd): string => {
  const digits = Math.abs(amount).toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${amount < 0 ? '-' : ''}${digits.slice(0, -9)}.${fraction || '0'}`;
};
