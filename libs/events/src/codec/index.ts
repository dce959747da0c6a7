export { type Codec, type CodecOptions, createCodec, createCodecOn, type DecodedEvent } from './codec.ts';
export { renderHeaders, withSequence } from './headers.ts';
export { type Interest, isForOthers, type Message, type ReadableMessage, readMessage } from './message.ts';
export { createRegistry, type SchemaStore } from './registry.ts';
