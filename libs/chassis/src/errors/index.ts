export { OutageError } from './outage.ts';
export {
  DomainError,
  type DomainErrorExtra,
  type FieldError,
  PROBLEMS,
  type Problem,
  type ProblemCode,
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
} from './sql-error.ts';
