import { join } from 'node:path';
import { describe } from '@jest/globals';
import { describePrismaSchema } from '@shop/chassis/testing';
import { root } from '../../deploy/local/paths.ts';
import { ALL_SERVICE_NAMES, folderOf } from '../../services/services.ts';

describe.each(ALL_SERVICE_NAMES)('the schema of %s', (name) => {
  describePrismaSchema(join(root, folderOf(name), 'prisma'));
});
