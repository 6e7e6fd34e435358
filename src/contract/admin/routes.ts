/** `GET /admin/api/routes`: the rules in force, in their order. */
export type RouteList = {
  version: string;
  routes: {
    name: string;
    /** In routes.yaml, from 1. */
    line: number;
    usesDifficulty: boolean;
    /** The fixed threshold; null where the route has none. */
    threshold: number | null;
    /** It only watches: by `mode: observe`, or for a part of the conversations by `rollout`. */
    isObserved: boolean;
  }[];
  /** Weakest first. */
  tiers: string[];
};
