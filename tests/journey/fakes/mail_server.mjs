// A mail server on loopback that takes every mail: as much of RFC 5321 as a client needs that signs in.

import { once } from 'node:events';
import { createServer } from 'node:net';

const header = (name, head) => new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'mi').exec(head)?.[1] ?? '';
const decoded = (text) => text.replaceAll(/\?=\s+=\?/g, '?==?').replaceAll(/=\?utf-8\?B\?([^?]*)\?=/g, (_, word) => Buffer.from(word, 'base64').toString());

// Returns {port, mails, users, stop()}. A mail is {from, to, subject, text}; `users` who signed in.
export async function start({ refuses = () => false } = {}) {
  const mails = [], users = [];
  const server = createServer((socket) => {
    let heard = '', mail = null, is_text = false;
    const say = (line) => socket.write(`${line}\r\n`);
    const take = (line) => {
      const word = line.toUpperCase();
      if (word.startsWith('EHLO ')) {
        say('250-mail.invalid');
        say('250-SIZE 1000000');
        say('250 AUTH LOGIN PLAIN');
      } else if (word.startsWith('AUTH PLAIN ')) {
        users.push(Buffer.from(line.slice(11), 'base64').toString().split('\0').slice(1));
        say('235 welcome');
      } else if (word.startsWith('MAIL FROM:')) {
        mail = { from: /<(.*)>/.exec(line)[1], to: [] };
        say(refuses() ? '451 try again later' : '250 fine');
      } else if (word.startsWith('RCPT TO:')) {
        mail.to.push(/<(.*)>/.exec(line)[1]);
        say('250 fine');
      } else if (word === 'DATA') {
        is_text = true;
        say('354 go on');
      } else if (word === 'QUIT') {
        say('221 bye');
        socket.end();
      } else {
        say('500 what?');
      }
    };
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      for (;;) {
        const mark = is_text ? '\r\n.\r\n' : '\r\n';
        const end = heard.indexOf(mark);
        if (end < 0) return;
        const part = heard.slice(0, end);
        heard = heard.slice(end + mark.length);
        if (!is_text) {
          take(part);
          continue;
        }
        is_text = false;
        const [head, body] = [part.slice(0, part.indexOf('\r\n\r\n')), part.slice(part.indexOf('\r\n\r\n') + 4)];
        mails.push({ ...mail, subject: decoded(header('Subject', head)), text: Buffer.from(body, 'base64').toString() });
        say('250 taken');
      }
    });
    say('220 mail.invalid ESMTP');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, mails, users, stop: () => new Promise((done) => server.close(done)) };
}
