import { type ReactNode, useId } from 'react';

/** A titled part of a page. */
export const Card = ({
  title,
  note,
  actions,
  children,
}: {
  title?: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) => {
  const id = useId();
  if (title === undefined) return <section className="card">{children}</section>;
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <div>
          <h2 id={id}>{title}</h2>
          {note !== undefined && <p>{note}</p>}
        </div>
        {actions}
      </div>
      {children}
    </section>
  );
};
