// Runs first after a clone, on any installed Node (20 or newer) and without packages. It installs the requirements of
// the repository's own tools (npm packages, Node 24, the generated database clients), then hands over to cli.ts, which
// Node 24 runs directly.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const local = join(root, '.local');
const tools = process.env.SHOP_TOOLS_DIR ?? join(local, 'tools');
const commands = 'start|infra|stop|reset|test|drills|model|ops|bench|k6|fuzz|simulate|mistakes|lint|generate|packages';
const say = (text) => process.stderr.write(`${text}\n`);

/** Runs a command to its end; its output is shown only when it fails. */
function run(what, command, args, options = {}) {
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20, ...options });
  } catch (error) {
    say(`${error.stdout ?? ''}${error.stderr ?? ''}`.trim());
    throw new Error(`${what} failed: see above (${command} ${args.join(' ')}).`);
  }
}

/**
 * One launcher at a time installs; the lock of a process that has ended is taken over. The lock names a process with
 * the time of its start, since numbers of processes come again. It is linked from a whole file, so it is never empty.
 */
async function withLock(work) {
  mkdirSync(local, { recursive: true });
  const lock = join(local, 'launch.lock');
  const draft = `${lock}.${process.pid}`;
  writeFileSync(draft, `${process.pid} ${startOf(process.pid)}`);
  try {
    for (let told = false; !linked(draft, lock); ) {
      const [pid, ...start] = readText(lock).split(' ');
      if (startOf(pid) !== start.join(' ')) rmSync(lock, { force: true });
      else if (!told) {
        told = true;
        say(`waiting for another launcher that is installing (pid ${pid})`);
      }
      await new Promise((done) => setTimeout(done, 200));
    }
  } finally {
    rmSync(draft, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function linked(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** When a process started, in the system's words; undefined where there is none of this number. */
function startOf(pid) {
  try {
    if (!existsSync('/proc/self/stat'))
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
    const stat = readFileSync(`/proc/${Number(pid)}/stat`, 'utf8');
    // Field 22; the second, a name in brackets, may have spaces.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
  } catch {
    return undefined;
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * True when node_modules has every package of the lock file at its version (npm keeps a list of the packages it
 * installed).
 */
function packagesAreInstalled() {
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const listed = readText(join(root, 'node_modules/.package-lock.json'));
  if (!listed) return false;
  const present = JSON.parse(listed).packages;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      !path.startsWith('node_modules/') ||
      entry.optional ||
      entry.peer ||
      (entry.link ? existsSync(join(root, path)) : present[path]?.version === entry.version),
  );
}

function ensurePackages() {
  if (packagesAreInstalled()) return;
  say('npm packages: installing what package-lock.json names');
  run('npm ci', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { env: withoutNpm() });
}

/** npm passes its settings on as environment variables; a nested npm must not take them for its command line. */
function withoutNpm() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(config_ignore_scripts|lifecycle|package|command)/i.test(name),
    ),
  );
}

function ensureNode() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const folder = join(tools, 'node24');
  const binary = join(folder, 'node_modules/node/bin/node');
  if (existsSync(binary)) return binary;
  say(`Node 24: installing it into the tools folder (this Node is ${process.versions.node})`);
  const part = `${folder}.part-${process.pid}`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  writeFileSync(join(part, 'package.json'), '{"name":"node24","private":true}\n');
  run('Installing Node 24', 'npm', ['install', 'node@24', '--ignore-scripts=false', '--no-audit', '--no-fund'], {
    cwd: part,
    env: withoutNpm(),
  });
  run('Node 24', join(part, 'node_modules/node/bin/node'), ['--version']);
  renameSync(part, folder);
  return binary;
}

/** Generates the database client of each service whose schema (or Prisma itself) changed since the last time. */
function ensureClients(node, force) {
  const folders = ['services', 'examples'].map((name) => join(root, name)).filter(existsSync);
  for (const folder of folders.flatMap((parent) =>
    readdirSync(parent)
      .sort()
      .map((name) => join(parent, name)),
  )) {
    const service = basename(folder);
    const schema = join(folder, 'prisma/schema.prisma');
    if (!existsSync(schema)) continue;
    const text = readFileSync(schema, 'utf8');
    const version = JSON.parse(readFileSync(join(root, 'node_modules/prisma/package.json'), 'utf8')).version;
    const hash = createHash('sha256').update(text).update(version).digest('hex');
    const output = resolve(dirname(schema), /output\s*=\s*"([^"]+)"/.exec(text)?.[1] ?? '../src/db/generated');
    const stamp = join(local, 'stamps', `prisma-${service}`);
    if (!force && existsSync(output) && readText(stamp) === hash) continue;
    say(`${service}: generating its database client`);
    run(
      `Generating the client of ${service}`,
      node,
      [join(root, 'node_modules/prisma/build/index.js'), 'generate', `--schema=${schema}`],
      {
        cwd: folder,
        // Otherwise Prisma would download an engine that generating does not need.
        env: {
          ...process.env,
          PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
          CHECKPOINT_DISABLE: '1',
          PRISMA_HIDE_UPDATE_MESSAGE: '1',
        },
      },
    );
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, hash);
  }
}

/** Runs cli.ts in this terminal and exits with its result. */
function handOver(node, args) {
  // The channel tells cli.ts when this process has ended, for any reason, so that no process is left behind.
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(root, 'deploy/local/cli.ts'), ...args], {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: {
      // Node compiles each file only once: services start in two thirds of the time.
      NODE_COMPILE_CACHE: join(local, 'compile-cache'),
      ...process.env,
      PATH: `${dirname(node)}:${process.env.PATH ?? ''}`,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Under `npm run` a shell stands between npm and this process. It may die without passing the signal on.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) {
    setInterval(() => process.ppid !== parent && child.connected && child.disconnect(), 500).unref();
  }
  child.on('error', (error) => {
    say(`Node could not be started (${node}): ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}

const [command, ...rest] = process.argv.slice(2);
if (!command || !commands.split('|').includes(command)) {
  say(`Usage: node deploy/local/launch.mjs <${commands}> [arguments]`);
  process.exitCode = 2;
} else {
  try {
    const node = await withLock(() => {
      ensurePackages();
      const found = ensureNode();
      ensureClients(found, command === 'generate');
      return found;
    });
    handOver(node, [command, ...rest]);
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
