import { pino } from 'pino';
import type { Logger } from '../base/index.ts';

/**
 * A logger for one role: a line of JSON an entry, or coloured text when a person looks on.
 *
 * @param role         the key `role` of every entry
 * @param options.out  file descriptor; 2 keeps standard output free for results
 */
export function createLogger(role: string, options: { level?: string; out?: 1 | 2 } = {}): Logger {
  const level = options.level ?? process.env.HIKUBE_LOG_LEVEL ?? 'info';
  const out = options.out ?? 1;
  const stream = out === 1 ? process.stdout : process.stderr;
  const base = { role, pid: process.pid };
  if (stream.isTTY) {
    const transport = {
      target: 'pino-pretty',
      options: { destination: out, ignore: 'role,pid', translateTime: 'HH:MM:ss' },
    };
    return pino({ level, base, transport });
  }
  // Synchronous: the last words before an exit are the ones that matter.
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: out, sync: true }));
}
