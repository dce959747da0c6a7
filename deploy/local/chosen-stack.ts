import { StackError } from './stack-error.ts';
import { allServices } from './topology.ts';

/**
 * Ports that `fetch` blocks (https://fetch.spec.whatwg.org/#port-blocking), within the range of the services' ports.
 */
const BLOCKED = [3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080];

/**
 * The stack of this terminal: `dev` on the ports of the topology, unless SHOP_STACK and SHOP_PORT_OFFSET name another.
 */
export function chosenStack(env: Record<string, string | undefined> = process.env): {
  name: string;
  portOffset: number;
} {
  const portOffset = Number(env.SHOP_PORT_OFFSET ?? 0);
  const name = env.SHOP_STACK ?? 'dev';
  if (!Number.isInteger(portOffset) || portOffset < 0 || portOffset > 40_000) {
    throw new StackError(`SHOP_PORT_OFFSET is ${env.SHOP_PORT_OFFSET}; it must be a whole number from 0 to 40000.`);
  }
  const blocked = allServices.find(({ port }) => BLOCKED.includes(port + portOffset));
  if (blocked) {
    throw new StackError(
      `SHOP_PORT_OFFSET is ${portOffset}: that puts ${blocked.name} on port ${blocked.port + portOffset}, which HTTP clients refuse to call. Take another.`,
    );
  }
  if (!/^[a-z][a-z0-9-]*$/.test(name) || ['tools', 'stamps'].includes(name)) {
    throw new StackError(`SHOP_STACK is ${name}; it must be a word of small letters, digits and dashes.`);
  }
  return { name, portOffset };
}
