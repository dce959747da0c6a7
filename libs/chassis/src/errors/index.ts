export { OutageError } from './outage.ts';
export {
  COMMON_PROBLEMS,
  type CommonProblem,
  DomainError,
  type DomainErrorExtra,
  type FieldError,
  type Problem,
  type ProblemTable,
  renderProblem,
  toDomainError,
} from './problem.ts';
export {
  CommitOutcomeUnknownError,
  DatabaseUnavailableError,
  isDatabaseError,
  isDataError,
  isDeadlock,
  isDuplicateKey,
  isLockTimeout,
  isOutage,
  isReadOnly,
  RestartTransactionError,
} from './sql-error.ts';
