// The amount and duration of load: k6 options from environment variables. No k6 modules here, so that tests can read
// it.

/** A whole number from the environment. */
export function number(env, name, fallback) {
  const value = Number(env[name] || fallback);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is "${env[name]}"; it must be a whole number`);
  return value;
}

const QUICK = {
  // Less than 1 % of the requests fail, 95 % are answered within 200 ms, more than 95 % of the answers are right.
  http_req_failed: ['rate<0.01'],
  http_req_duration: ['p(95)<200'],
  checks: ['rate>0.95'],
};

const TRENDS = ['avg', 'min', 'med', 'max', 'p(95)', 'p(99)'];

/** The spike: 5 s of quiet, 5 s up to PEAK_RPS, HOLD_SECONDS held, 10 s down, by up to 4,000 virtual users. */
export function spike(env, scenario) {
  const peak = number(env, 'PEAK_RPS', 2000);
  return {
    scenarios: {
      [scenario]: {
        executor: 'ramping-arrival-rate',
        startRate: 0,
        timeUnit: '1s',
        preAllocatedVUs: Math.min(500, number(env, 'MAX_VUS', 4000)),
        maxVUs: number(env, 'MAX_VUS', 4000),
        stages: [
          { target: 0, duration: '5s' },
          { target: peak, duration: '5s' },
          { target: peak, duration: `${number(env, 'HOLD_SECONDS', 30)}s` },
          { target: 0, duration: '10s' },
        ],
      },
    },
    thresholds: QUICK,
    summaryTrendStats: TRENDS,
  };
}

/** A constant rate of iterations (RATE, a second) for SECONDS, regardless of the answers. */
export function steady(env, scenario, { rate, seconds, thresholds = {} }) {
  return {
    scenarios: {
      [scenario]: {
        executor: 'constant-arrival-rate',
        rate: number(env, 'RATE', rate),
        timeUnit: '1s',
        duration: `${number(env, 'SECONDS', seconds)}s`,
        preAllocatedVUs: 100,
        maxVUs: number(env, 'MAX_VUS', 1000),
      },
    },
    thresholds: { ...QUICK, ...thresholds },
    summaryTrendStats: TRENDS,
  };
}
