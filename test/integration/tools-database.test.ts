import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectSql, type SqlConnection } from '../../ops/src/sql.ts';
import { eventually } from '../support/eventually.ts';
import { connectRoot, testStack } from '../support/stack.ts';

let tool: SqlConnection;
let other: SqlConnection;
beforeAll(async () => {
  [tool, other] = await Promise.all([connectRoot(testStack()), connectRoot(testStack())]);
});
afterAll(() => other?.close());

it('when the server ends a connection between two queries, then the tool lives on and its next query fails', async () => {
  const [row] = await tool.query<{ id: number }>('SELECT CONNECTION_ID() AS id');
  const id = row?.id ?? 0;
  await other.execute(`KILL ${id}`);
  await eventually('the connection to be gone', async () => {
    const left = await other.query('SELECT 1 FROM performance_schema.threads WHERE PROCESSLIST_ID = ?', [id]);
    return left.length === 0;
  });
  await expect(tool.query('SELECT 1')).rejects.toThrow();
});

it('when a statement gets no answer in time, then the tool says which, and its connection ends without a wait', async () => {
  const patient = await connectSql(`${testStack().env.MYSQL_ROOT_URL}/mysql`, 300);
  await expect(patient.query('SELECT SLEEP(60)')).rejects.toThrow('did not answer within 0.3 s: SELECT SLEEP(60)');
  await patient.close();
});
