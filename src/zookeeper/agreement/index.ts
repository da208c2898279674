/**
 * The ensemble's agreement: drives `quorum/` with our own log files, TCP connections between members and real timers.
 * It knows nothing of znodes or sessions: entries are bytes, and a `StateMachine` applies them.
 *
 * What a user sees: `startAgreement(options)` recovers the log, restores the newest good snapshot, joins the others and
 * calls `apply` with committed entries; the leader's `propose` resolves when its entry is on a majority's disks.
 */
export { startAgreement } from './agreement-driver.ts';
export { beginAgreement, isBegun } from './begin.ts';
export type {
  Agreement,
  AgreementOptions,
  AgreementRole,
  AgreementStatus,
  ChangeProblem,
  Committed,
  CommittedEntry,
  Member,
  MemberProgress,
  ProposeProblem,
  StateMachine,
} from './types.ts';
