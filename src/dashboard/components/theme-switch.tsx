import { useState } from 'react';
import { applyTheme, storedTheme, type Theme } from '../lib/theme.ts';

export const ThemeSwitch = () => {
  const [theme, setTheme] = useState(storedTheme);
  return (
    <label className="field">
      <span>Colours</span>
      <select
        value={theme}
        onChange={(event) => {
          const next = event.target.value as Theme;
          applyTheme(next);
          setTheme(next);
        }}
      >
        <option value="system">As the system</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
};
