import type { ReactNode } from 'react';

export const PageHead = ({ title, note, children }: { title: string; note?: ReactNode; children?: ReactNode }) => (
  <div className="page-head">
    <div>
      <h1>{title}</h1>
      {note !== undefined && <p>{note}</p>}
    </div>
    {children !== undefined && <div className="toolbar">{children}</div>}
  </div>
);
