export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log of the agent. `message` is a sentence without the fields in it. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
