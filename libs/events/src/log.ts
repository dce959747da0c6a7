/** The logger interface of this library; a pino logger fits. */
export interface EventLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export const silentLogger: EventLogger = { debug() {}, info() {}, warn() {}, error() {} };
