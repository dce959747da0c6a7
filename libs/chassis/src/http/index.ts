export { isUnchanged, type Rendered, renderJson, sendRendered, wantsNow } from './conditional.ts';
export { createEventStreams, type EventStream, type EventStreams } from './event-streams.ts';
export { createHttpApp, type HttpAppOptions } from './http-app.ts';
export { BODY_LIMIT } from './json-body.ts';
export { pageCursor, pageLimit, pageQuery, toPage } from './page.ts';
export { preferredWait } from './prefer.ts';
export { type RunningServer, type ServeOptions, serve } from './server.ts';
export { type Client, clientOf, TIME_LEFT_HEADER } from './time-left.ts';
export { MAX_INTEGER, parse, userIdFrom, userIdQuery, userIdSchema } from './validate.ts';
