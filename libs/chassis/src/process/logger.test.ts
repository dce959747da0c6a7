import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.ts';
import { runWithTrace } from './trace.ts';

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(
    createLogger({ service: 'order', instance: 'order-1', destination: { write: (line) => void lines.push(line) } }),
  );
  return JSON.parse(lines[0] ?? '{}') as Record<string, unknown>;
}

describe('logger', () => {
  it('when secrets are logged, then they are redacted', () => {
    const line = logged((logger) =>
      logger.info(
        { password: 'p', config: { DATABASE_URL: 'mysql://' }, req: { headers: { authorization: 'Bearer x' } } },
        'hello',
      ),
    );
    expect(line).toMatchObject({
      level: 'info',
      service: 'order',
      instance: 'order-1',
      password: '[redacted]',
      config: { DATABASE_URL: '[redacted]' },
      req: { headers: { authorization: '[redacted]' } },
      msg: 'hello',
    });
  });

  it("when a line is logged inside a trace, then it has the trace's ids", () => {
    const line = logged((logger) =>
      runWithTrace('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', () => logger.info('x')),
    );
    expect(line.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  });
});
