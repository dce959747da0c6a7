import { StackError } from './fetch.ts';

/** The stack of this terminal: `dev` on the ports of the topology, unless SHOP_STACK and SHOP_PORT_OFFSET say otherwise. */
export function chosenStack(env: Record<string, string | undefined> = process.env): {
  name: string;
  portOffset: number;
} {
  const portOffset = Number(env.SHOP_PORT_OFFSET ?? 0);
  const name = env.SHOP_STACK ?? 'dev';
  if (!Number.isInteger(portOffset) || portOffset < 0 || portOffset > 40_000) {
    throw new StackError(`SHOP_PORT_OFFSET is ${env.SHOP_PORT_OFFSET}; it must be a whole number from 0 to 40000.`);
  }
  if (!/^[a-z][a-z0-9-]*$/.test(name) || ['tools', 'stamps'].includes(name)) {
    throw new StackError(`SHOP_STACK is ${name}; it must be a word of small letters, digits and dashes.`);
  }
  return { name, portOffset };
}
