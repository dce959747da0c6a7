import { join } from 'node:path';
import { describePrismaSchema } from '@shop/service/testing';

describePrismaSchema(join(import.meta.dirname, '../prisma'));
