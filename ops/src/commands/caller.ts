import { ANYBODY, type Caller, readVariable, SCOPES, type Scope, userIdSchema } from '@shop/chassis';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { action, addCommand, EXIT } from '../command.ts';
import { signedCalls } from '../signed-call.ts';

interface CallerOptions {
  json?: boolean;
  user?: number;
  scope?: Scope;
}

function userId(text: string): number {
  const id = userIdSchema.safeParse(Number(text));
  if (!id.success) throw new InvalidArgumentError("It must be a user's id.");
  return id.data;
}

export function registerCaller(program: Command): void {
  addCommand(
    program,
    'caller <method> <path>',
    'the header for calling a service past the gateway, for a minute; <path> is with its query',
    'caller GET /points --user 7   # curl -H "$(npm run -s ops -- caller GET /points --user 7)" localhost:3003/points',
  )
    .option('--user <id>', 'as this user; without it the request names its user', userId)
    .addOption(new Option('--scope <scope>', 'with this scope; without --user all of them').choices(SCOPES))
    .action(
      action<CallerOptions>(async (output, { user, scope }, method = '', path = '') => {
        const caller: Caller =
          user === undefined && !scope ? ANYBODY : { user: user ?? 'anybody', scopes: scope ? [scope] : [] };
        const [[name, value] = ['', '']] = Object.entries(
          signedCalls(readVariable('INTERNAL_KEYS'))(method.toUpperCase(), path, caller),
        );
        output.result({ name, value }, `${name}: ${value}`);
        return EXIT.done;
      }),
    );
}
