import type { AnchorHTMLAttributes, MouseEvent } from 'react';
import { navigate } from '../lib/location.ts';

/** A link inside the dashboard that needs no new page load; a modified click opens it as the browser would. */
export const Link = ({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) => (
  <a
    {...rest}
    href={href}
    onClick={(event: MouseEvent) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      navigate(href);
      window.scrollTo(0, 0);
    }}
  />
);
