// Reads parameters with the parsers of Node.js servers. One question and one answer per line: see ../ask.rs.
const querystring = require('node:querystring');
const { Readable } = require('node:stream');
const lines = require('node:readline').createInterface({ input: process.stdin });
const qs = require('qs');
const busboy = require('busboy');
const fastQuerystring = require('fast-querystring');
const { formidable } = require('formidable');

const FORM = 'application/x-www-form-urlencoded';

function grouped(pairs) {
  const read = new Map();
  for (const [name, value] of pairs) read.set(name, [...(read.get(name) ?? []), value]);
  return read;
}

function request(bytes) {
  const stream = Readable.from([bytes]);
  stream.headers = { 'content-type': FORM, 'content-length': String(bytes.length) };
  return stream;
}

function withBusboy(bytes) {
  return new Promise((resolve, reject) => {
    const pairs = [];
    const parser = busboy({ headers: { 'content-type': FORM } });
    parser.on('field', (name, value) => pairs.push([name, value]));
    parser.on('close', () => resolve(grouped(pairs))).on('error', reject);
    parser.end(bytes);
  });
}

// The URL of a request has no white space and no control characters. Envoy also allows no fragment.
function inUrl(text) {
  if (/[\x00-\x20\x7f#]/.test(text)) throw new Error('no part of a URL');
  return text;
}

// Each parser gets the text as a string with a character for each byte, like a URL in Node.js, and as bytes.
const READERS = {
  'qs': (text) => qs.parse(text),
  'qs in Express': (text) => qs.parse(text, { allowPrototypes: true }),
  'qs of a body': (_, bytes) => qs.parse(bytes.toString('utf8'), { allowPrototypes: true, depth: 32 }),
  'qs with allowDots': (_, bytes) => qs.parse(bytes.toString('utf8'), { allowDots: true }),
  'qs with comma': (_, bytes) => qs.parse(bytes.toString('utf8'), { comma: true }),
  'qs with ignoreQueryPrefix': (_, bytes) => qs.parse(bytes.toString('utf8'), { ignoreQueryPrefix: true }),
  'querystring': (text) => querystring.parse(text),
  'URLSearchParams': (_, bytes) => grouped(new URLSearchParams(bytes.toString('utf8'))),
  'URL': (text) => grouped(new URL('http://test/p?' + inUrl(text)).searchParams),
  'fast-querystring': (text) => fastQuerystring.parse(text),
  'busboy': (_, bytes) => withBusboy(bytes),
  'formidable': async (_, bytes) => (await formidable({}).parse(request(bytes)))[0],
};

const entries = (read) => (read instanceof Map ? [...read] : Object.entries(read));

function pathTo(read, value) {
  for (const [name, inner] of entries(read)) {
    if (inner === value || (Array.isArray(inner) && inner.length === 1 && inner[0] === value)) return [name];
    const path = typeof inner === 'object' && inner !== null ? pathTo(inner, value) : undefined;
    if (path) return [name, ...path];
  }
}

function state(read, path) {
  for (const name of path) {
    if (typeof read !== 'object' || read === null) return 'absent';
    if (!(read instanceof Map) && !Object.hasOwn(read, name)) return 'absent';
    read = read instanceof Map ? read.get(name) : read[name];
    if (read === undefined) return 'absent';
  }
  if (read === 'ours' || (Array.isArray(read) && read.length === 1 && read[0] === 'ours')) return 'ours';
  return JSON.stringify(read).includes('forged') ? 'forged' : 'other';
}

const paths = {};

async function answer(question) {
  const bytes = Buffer.from(question.text, 'base64');
  const answers = {};
  for (const [name, reader] of Object.entries(READERS)) {
    const key = name + ' ' + question.own;
    paths[key] ??= pathTo(await reader(question.own, Buffer.from(question.own)), 'ours');
    try {
      answers[name] = state(await reader(bytes.toString('latin1'), bytes), paths[key]);
    } catch {
      answers[name] = 'error';
    }
  }
  return answers;
}

(async () => {
  for await (const line of lines) process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
})();
