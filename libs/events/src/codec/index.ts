export { type Codec, createCodec, createCodecOn, createDecoder, type DecodedEvent } from './codec.ts';
export { renderHeaders, withSequence } from './headers.ts';
export { type Interest, isForOthers, type Message, type ReadableMessage, readMessage } from './message.ts';
export { createRegistry, type SchemaStore } from './registry.ts';
export { type AskRegistry, registryCalls } from './registry-calls.ts';
export { createIdWatch } from './watch-ids.ts';
