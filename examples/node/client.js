// A client of MemoryService from the protos as they are: no generated code.
import {randomUUID} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));
// Retries, round robin over all addresses, default deadlines: the same file for every language.
const SERVICE_CONFIG = new URL('../../deploy/client/service_config.json', import.meta.url);

const known = loader.loadSync(
  ['agentmemory/v1/memory_service.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'],
  {includeDirs: [PROTOS], enums: String, longs: String, defaults: true, oneofs: true},
);
const service = known['agentmemory.v1.MemoryService'];
const {MemoryService} = grpc.loadPackageDefinition(known).agentmemory.v1;

/**
 * What the environment says of who calls: AGENT_MEMORY_TOKEN, an API key or a token, and AGENT_MEMORY_CA, a PEM file of
 * the authority that signed the servers' certificates (without: Node's own). With either the channel is encrypted.
 */
export function credentials({AGENT_MEMORY_CA: ca, AGENT_MEMORY_TOKEN: token} = process.env) {
  if (!ca && !token) return grpc.credentials.createInsecure();
  const tls = grpc.credentials.createSsl(ca ? readFileSync(ca) : null);
  if (!token) return tls;
  const shown = new grpc.Metadata();
  shown.set('authorization', `Bearer ${token}`);
  const call = grpc.credentials.createFromMetadataGenerator((_, give) => give(null, shown));
  return grpc.credentials.combineChannelCredentials(tls, call);
}

/** Open a channel to `target`: host:port, or dns:///name:port for all instances of a name. */
export function connect(target, shown = credentials()) {
  return new MemoryService(target, shown, {
    'grpc.service_config': readFileSync(SERVICE_CONFIG, 'utf8'),
    'grpc.keepalive_time_ms': 30_000,
  });
}

/** Make a unary call that ends within `milliseconds`. A write gets a request_id: a retry then does it once. */
export function call(memory, method, request, milliseconds = 5_000) {
  const writes = service[method].requestType.type.field.some(({name}) => name === 'requestId');
  const sent = writes ? {requestId: randomUUID(), ...request} : request;
  return new Promise((resolve, reject) => {
    const answered = (error, response) => (error ? reject(error) : resolve(response));
    memory[method](sent, {deadline: Date.now() + milliseconds}, answered);
  });
}

/** What a failed call says of itself: its code, the reason, the fields at fault, when to come back. */
export function problem(error) {
  const found = {code: grpc.status[error.code], message: error.details, reason: '', fields: {}};
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  for (const detail of bytes ? known['google.rpc.Status'].deserialize(bytes).details : []) {
    const type = detail.type_url.split('/').at(-1);
    const value = known[type].deserialize(detail.value);
    if (type === 'google.rpc.ErrorInfo') found.reason = value.reason;
    if (type === 'google.rpc.RetryInfo') found.retrySeconds = seconds(value.retryDelay);
    if (type === 'google.rpc.BadRequest') {
      for (const {field, description} of value.fieldViolations) found.fields[field] = description;
    }
  }
  return found;
}

const seconds = (duration) => Number(duration.seconds) + duration.nanos / 1e9;
