import { join } from 'node:path';
import { describePrismaSchema } from '@shop/chassis/testing';

describePrismaSchema(join(import.meta.dirname, '../prisma'));
