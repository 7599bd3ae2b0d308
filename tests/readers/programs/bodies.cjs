// Reports whether Node.js servers find parameters in a body. One request and one answer per line: see ../bodies.rs.
const { Readable } = require('node:stream');
const lines = require('node:readline').createInterface({ input: process.stdin });
const bodyParser = require('body-parser');
const busboy = require('busboy');
const { formidable } = require('formidable');

function request({ method, type, body }) {
  const stream = Readable.from([Buffer.from(body, 'latin1')]);
  stream.method = method;
  stream.headers = { 'content-length': String(body.length) };
  if (type !== null) stream.headers['content-type'] = type;
  return stream;
}

function withExpress(question, options) {
  const incoming = request(question);
  return new Promise((resolve, reject) => {
    bodyParser.urlencoded(options)(incoming, {}, (error) => (error ? reject(error) : resolve(incoming.body ?? {})));
  });
}

function withBusboy(question) {
  return new Promise((resolve, reject) => {
    const incoming = request(question);
    const parser = busboy({ headers: incoming.headers });
    const read = {};
    parser.on('field', (name, value) => { read[name] = value; });
    parser.on('close', () => resolve(read)).on('error', reject);
    incoming.pipe(parser);
  });
}

const READERS = {
  'Express': (question) => withExpress(question, { extended: true }),
  'busboy': withBusboy,
  'formidable': async (question) => (await formidable({}).parse(request(question)))[0],
};

(async () => {
  for await (const line of lines) {
    const question = JSON.parse(line);
    const answer = {};
    for (const [name, reader] of Object.entries(READERS)) {
      try {
        answer[name] = String((await reader(question)).userId) === 'forged';
      } catch {
        answer[name] = false;
      }
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
})();
