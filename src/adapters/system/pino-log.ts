import { pino } from 'pino';
import type { Log, LogFields } from '../../ports/log.ts';

export interface PinoLogOptions {
  /** 'debug', 'info' (default), 'warn' or 'error'. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
  /** In every line, e.g. {node: 'node1'}. */
  readonly fields?: LogFields;
  /** File descriptor to write to; 1 (stdout) by default. */
  readonly fileDescriptor?: number;
}

/**
 * One JSON object per line, written synchronously: the last lines before a crash are the ones wanted.
 * No transports: a transport is a worker thread that loads its module by name, which does not survive bundling.
 */
export function createPinoLog(options: PinoLogOptions = {}): Log {
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { ...options.fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      errorKey: 'error',
    },
    pino.destination({ fd: options.fileDescriptor ?? 1, sync: true }),
  );
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
