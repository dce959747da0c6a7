import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RegistryAccess } from '@shop/chassis';
import { createAuthority } from '@shop/chassis/testing';
import { createCodec } from '@shop/events';
import { eventually } from '../support/eventually.ts';
import { REGISTRY_USER, startRegistryDoor, strangers } from '../support/secured-servers.ts';
import { testStack } from '../support/stack.ts';

const authority = createAuthority();
const tls = { ca: authority.ca };
let door: Awaited<ReturnType<typeof startRegistryDoor>>;

beforeAll(async () => {
  door = await startRegistryDoor(testStack().env.SCHEMA_REGISTRY_URL ?? '', authority.issue());
});

afterAll(() => door.close());

// A codec that is refused would try for ever.
let isOver = false;
beforeEach(() => {
  isOver = false;
});
afterEach(() => {
  isOver = true;
});

/** A codec, and what it says while it tries to register its schemas. */
function codec(registryUrl: string, registryAccess: RegistryAccess) {
  const said: string[] = [];
  const warn = (fields: object) => said.push(JSON.stringify(fields));
  const sleep = () => (isOver ? new Promise<void>(() => undefined) : new Promise<void>((go) => setImmediate(go)));
  const clock = { now: Date.now, sleep };
  const logger = { debug: () => undefined, info: () => undefined, warn, error: warn };
  return {
    said,
    ...{ codec: createCodec({ registryUrl, registryAccess, logger: logger as never, clock: clock as never }) },
  };
}

it('when the certificate of a registry has expired, then the log says so', async () => {
  const expired = await startRegistryDoor(
    testStack().env.SCHEMA_REGISTRY_URL ?? '',
    authority.issue({ expired: true }),
  );
  const { said } = codec(expired.url, { ...REGISTRY_USER, tls });
  await eventually('an attempt', async () => (said.length > 0 ? true : undefined));
  expect(said[0]).toContain('its certificate has expired');
  await expired.close();
});

describe('a registry that demands TLS and a login', () => {
  it('when user, password and authority are right, then schemas are registered and found by their ids', async () => {
    const { codec: ready } = codec(door.url, { ...REGISTRY_USER, tls });
    await ready.ready();
    expect(await ready.lostIds()).toEqual({ written: [], lost: [] });
  });

  it('when user and password stand in the URL, then they are used', async () => {
    const { username, password } = REGISTRY_USER;
    const url = door.url.replace('//', `//${username}:${encodeURIComponent(password)}@`);
    await codec(url, { tls }).codec.ready();
  });

  it.each<[string, RegistryAccess, string]>([
    ['the password is wrong', { ...REGISTRY_USER, password: 'x', tls }, 'it does not accept this user or password'],
    ['nobody logs in', { tls }, 'it does not accept this user or password'],
    [
      'its authority is not known',
      { ...REGISTRY_USER, tls: { ca: strangers.ca } },
      'its certificate is of an authority that is not known here: see SCHEMA_REGISTRY_TLS_CA',
    ],
  ])(
    'when %s, then the log names the server and what is wrong, and it goes on trying',
    async (_what, access, words) => {
      const { said } = codec(door.url, access);
      const { host } = new URL(door.url);
      await eventually('two attempts', async () => (said.length > 12 ? true : undefined));
      expect(said.at(-1)).toContain(`the schema registry at ${host}: ${words}`);
    },
  );
});
