import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { root } from './paths.ts';
import { processIdentity } from './processes.ts';

let checkout: string;

/** A checkout with the launcher alone: it gets the lock, then finds no list of packages, and ends with words. */
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'shop-launch-'));
  mkdirSync(join(checkout, 'deploy/local'), { recursive: true });
  mkdirSync(join(checkout, '.local'));
  copyFileSync(join(root, 'deploy/local/launch.mjs'), join(checkout, 'deploy/local/launch.mjs'));
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

/** Starts the launcher; `said` resolves with what it said once that has the words, or once it has ended. */
function start(words: string) {
  const launcher = spawn(process.execPath, [join(checkout, 'deploy/local/launch.mjs'), 'lint'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  const said = new Promise<string>((done) => {
    launcher.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(words)) done(text);
    });
    launcher.once('close', () => done(text));
  });
  return { launcher, said };
}

describe('the lock of the launcher', () => {
  it.each([
    ['a living process that has the number of the one that held it', `${process.pid} another boot:1`],
    ['nobody: it is empty', ''],
  ])('when it names %s, then it is taken over', async (_, lock) => {
    writeFileSync(join(checkout, '.local/launch.lock'), lock);
    const { said } = start('waiting for');
    expect(await said).toContain('package-lock.json');
  });

  it('when its holder is at work, then the launcher waits and says for whom; once that has ended, it goes on', async () => {
    const holder = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(holder, 'spawn');
    const { pid = 0 } = holder;
    writeFileSync(join(checkout, '.local/launch.lock'), `${pid} ${processIdentity(pid)}`);
    const { launcher, said } = start('waiting for');
    expect(await said).toContain(`waiting for another launcher that is installing (pid ${pid})`);
    const ended = once(launcher, 'close');
    holder.kill('SIGKILL');
    await ended;
  });
});
