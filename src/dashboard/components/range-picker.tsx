import { RANGES, type RangeName, useRange } from '../lib/range.ts';

export const RangePicker = () => {
  const { name, set } = useRange();
  return (
    <label className="field">
      <span>Range</span>
      <select value={name} onChange={(event) => set(event.target.value as RangeName)}>
        {Object.entries(RANGES).map(([value, { label }]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
};
