import { type Operation, timeSchema } from '@shop/chassis/api';
import { z } from 'zod';
import { demoTokenBody } from './auth/demo.ts';

const health = z
  .strictObject({
    status: z.enum(['ok', 'failing']),
    failing: z.record(z.string(), z.string()).optional().describe('name of the check → why it failed'),
  })
  .meta({ id: 'Health', description: 'Whether the process is well.' });

/** Operations that the gateway answers itself. */
export const OPERATIONS: readonly Operation[] = [
  {
    operationId: 'issueDemoToken',
    method: 'POST',
    path: '/auth/demo-token',
    access: 'public',
    tag: 'session',
    summary: 'A token of any user, for whoever asks',
    description: 'There only where `DEMO_AUTH=true`: for development.',
    body: { schema: demoTokenBody, examples: { user1: { userId: 1 }, operator: { userId: 1, scope: 'ops' } } },
    answers: {
      200: {
        description: 'The token, good for an hour.',
        schema: z.strictObject({
          token: z.string().describe('goes into `Authorization: Bearer <token>`'),
          expiresAt: timeSchema.describe('until when it is good, ISO 8601, UTC'),
        }),
      },
    },
    problems: ['NOT_FOUND'],
  },
  {
    operationId: 'getKeys',
    method: 'GET',
    path: '/.well-known/jwks.json',
    access: 'public',
    tag: 'session',
    summary: 'The public keys that demo tokens are verified with',
    description: 'There only where `DEMO_AUTH=true`.',
    answers: {
      200: {
        description: 'A JWK set (RFC 7517).',
        schema: z.looseObject({
          keys: z.array(z.looseObject({ kid: z.string().describe('its id') })).describe('public keys'),
        }),
      },
    },
    problems: ['NOT_FOUND'],
  },
  {
    operationId: 'welcome',
    method: 'GET',
    path: '/',
    access: 'public',
    tag: 'gateway',
    summary: 'Where to find what',
    answers: {
      200: {
        description: 'Links.',
        schema: z.strictObject({
          name: z.string().describe('of the shop'),
          links: z.record(z.string(), z.string()).describe('what → its path'),
        }),
      },
    },
  },
  {
    operationId: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    tag: 'gateway',
    summary: 'This document',
    answers: {
      200: {
        description: 'OpenAPI 3.1.',
        schema: z.looseObject({ openapi: z.string().describe('its version of OpenAPI') }),
      },
    },
  },
  {
    operationId: 'isAlive',
    method: 'GET',
    path: '/health/live',
    access: 'public',
    tag: 'gateway',
    summary: 'Whether the gateway process is up',
    answers: { 200: { description: 'It is.', schema: health } },
  },
  {
    operationId: 'isReady',
    method: 'GET',
    path: '/health/ready',
    access: 'public',
    tag: 'gateway',
    summary: 'Whether the gateway takes requests',
    answers: {
      200: { description: 'It does.', schema: health },
      503: { description: 'It does not, or not any more.', schema: health },
    },
  },
];
