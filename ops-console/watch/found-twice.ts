import type { Verdict, Violation } from '../audit/verdict.ts';

/**
 * What two audits of the same scope both found. Under load a change may be on its way for longer than an audit waits
 * before its second look; a minute later it has come, and what is on its way then is another one. What the second could
 * not look for stays as the first found it.
 */
export function foundTwice(first: Verdict, second: Verdict): Verdict {
  const violations = second.violations.flatMap((now) => {
    const before = first.violations.find(({ name }) => name === now.name);
    const both = before && inBoth(before, now);
    return both && both.failed > 0 ? [both] : [];
  });
  const unseen = first.violations.filter(({ name }) => second.notMade.includes(name));
  if (violations.length + unseen.length > 0)
    return { ...second, violations: [...violations, ...unseen], state: 'BROKEN', clean: false };
  const state = second.state === 'BROKEN' ? 'HOLDS' : second.state;
  return { ...second, violations, state, clean: state === 'HOLDS' };
}

/** Compared one by one where both audits name all that they found. Else nobody can tell: the lesser number stays. */
function inBoth(before: Violation, now: Violation): Violation {
  const namesAll = ({ failed, examples }: Violation) => failed === examples.length;
  if (!namesAll(before) || !namesAll(now)) return { ...now, failed: Math.min(before.failed, now.failed) };
  const known = new Set(before.examples.map(({ id }) => id));
  const examples = now.examples.filter(({ id }) => known.has(id));
  return { ...now, failed: examples.length, examples };
}
