import { createConfig, lintFromString } from '@redocly/openapi-core';

/** A linter's complaints about an OpenAPI document; empty when there are none. */
export async function openApiProblems(text: string): Promise<string[]> {
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      // The API is for this shop only, so it has no license.
      'info-license': 'off',
      'operation-4xx-response': 'error',
      'operation-operationId': 'error',
      'operation-description': 'off',
      'no-invalid-media-type-examples': 'error',
      'no-invalid-parameter-examples': 'error',
      'no-invalid-schema-examples': 'error',
      'tag-description': 'error',
    },
  });
  const found = await lintFromString({ source: text, absoluteRef: 'openapi.json', config });
  return found.map(
    ({ ruleId, message, location }) => `openapi.json ${location[0]?.pointer ?? ''}: ${message} (${ruleId})`,
  );
}
