/** Settings under which no request is refused for load, however slow the machine, for tests of other things. */
export const PATIENT = {
  SHED_ABOVE_MS: '0',
  ADMISSION: 'false',
  PLACE_WITHIN_MS: '60000',
  ORDER_BACKLOG_TARGET_MS: '600000',
  ORDER_BACKLOG_FLOOR: '100000',
} as const;
