import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EXIT, runProgram } from './command.ts';
import { createProgram } from './program.ts';

describe('the command line', () => {
  let said: string;
  let printed: string;

  beforeEach(() => {
    said = '';
    printed = '';
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    process.exitCode = undefined;
  });

  it.each([
    ['audit', '--since', '2099-01-01T00:00:00Z'],
    ['audit', '--since', '2026-02-30T00:00:00Z'],
    ['audit', '--grace', '1e1'],
    ['audit', '--deadline', '35s'],
    ['replay', '--group', 'payment', '--from', '45'],
    ['replay', '--group', 'payment', '--from', '2h', '--to', '2099-01-01T00:00:00Z'],
    ['replay', '--recover', 'payment', '--from', '2026-01-31'],
    ['dead-letters', 'discard', 'payment/1', '--reason', 'x\u001b[2Jy'],
  ])('when a command gets a moment or a text that is none (%s %s %s), then it ends with 2', async (...args) => {
    const given = args.filter((arg) => arg !== undefined);
    await runProgram(createProgram(), ['node', 'main.ts', ...given]);
    expect(process.exitCode).toBe(EXIT.usage);
    expect(printed).toBe('');
    expect(said).toMatch(/option .* is invalid/);
  });
});
