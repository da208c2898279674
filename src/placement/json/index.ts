/**
 * The border of `placement/`: JSON from outside becomes a `ClusterState`, a reassignment or a plan, or is refused with
 * the field named. Loads zod: import it where JSON is read, never on a broker's way to its start.
 *
 * A cluster comes as one JSON document, or, for clusters too large to hold as text, as JSON lines: a first line
 * `{"version":1,"brokers":[...]}` and then one topic a line. Both are read piece by piece.
 */
export {
  type BorderProblem,
  capacity,
  parseCluster,
  parseClusterLines,
  parsePlan,
  parseReassignment,
} from './border.ts';
export { clusterLines } from './lines.ts';
