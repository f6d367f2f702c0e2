// A conversation is appended, extracted, searched; what is learned is watched meanwhile.
//   npm ci && node remember.js 127.0.0.1:50051
//   AGENT_MEMORY_CA=ca.crt AGENT_MEMORY_TOKEN=am_… node remember.js memory.example:50051
import {call, connect, problem} from './client.js';

const memory = connect(process.argv[2] ?? '127.0.0.1:50051');
const user = {userId: process.argv[3] ?? 'alice'};
const session = {...user, sessionId: 'chat'};

// The first response says where the watch begins. A watch lasts: it has no deadline, and is ended by the caller.
const watch = memory.watchMemories({scope: user});
const learned = [];
const watching = new Promise((resolve) => watch.once('data', resolve));
watch.on('data', ({change}) => change && learned.push(change.memory.text));
watch.on('error', (error) => problem(error).code === 'CANCELLED' || console.error(problem(error)));

try {
  await watching;
  const said = ['I moved to Lisbon in March.', 'I am allergic to nuts.'];
  const messages = said.map((content) => ({role: 'ROLE_USER', name: 'Alice', content}));
  const {lastSequence} = await call(memory, 'AppendMessages', {scope: session, messages});
  console.log(`appended ${lastSequence} messages`);

  const {revision} = await call(memory, 'FlushSession', {scope: session}, 60_000);
  const query = 'What is Alice allergic to?';
  const options = {minRevision: revision};
  const {hits} = await call(memory, 'SearchMemories', {scope: user, query, options, limit: 1});
  console.log(`found: ${hits[0].memory.text}`);

  while (!learned.includes(hits[0].memory.text)) await new Promise((resolve) => watch.once('data', resolve));
  console.log(`watched: ${learned.join(' ')}`);

  // Errors say what to mend.
  await call(memory, 'SearchMemories', {scope: user, query, limit: 1000});
} catch (error) {
  if (error.code === undefined) throw error; // not the service's
  console.log('refused:', JSON.stringify(problem(error)));
} finally {
  watch.cancel();
  memory.close();
}
