import type { Operation } from '@shop/service/api';
import { z } from 'zod';

const health = z
  .strictObject({
    status: z.enum(['ok', 'failing']),
    failing: z.record(z.string(), z.string()).optional().describe('name of the check → why it failed'),
  })
  .meta({ id: 'Health', description: 'Whether the process is well.' });

/** What the gateway answers itself. */
export const OPERATIONS: readonly Operation[] = [
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
  {
    operationId: 'getMetrics',
    method: 'GET',
    path: '/metrics',
    access: 'public',
    tag: 'gateway',
    summary: "The gateway's measures",
    answers: { 200: { description: "Prometheus' text format.", schema: z.string(), mediaType: 'text/plain' } },
  },
];
