"use strict";
// Follows the operation as an identity-management job does: read all pages once, then poll from the
// highest `latestUpdateAt`, and apply each entry as "insert or replace" by inum.

const EVERY = 2000; // ms between two polls
const SHOWN = 200; // rows, the youngest ones
const MOST = 5000; // people in one paging session; more of them would be too many for one page

const part = (id) => document.getElementById(id);
const feed = part("feed");
const endpoint = feed.dataset.endpoint;
const since = feed.dataset.since;
const size = Number(feed.dataset.size);
const times = feed.dataset.times.split(" ");
const body = feed.querySelector("tbody");
const people = new Map();
let latest = since;
let token = "";
let timer = 0;
let asking = false;
let again = false;
let begun = false;

async function page(timeStamp, start) {
  const query = new URLSearchParams({ timeStamp, start, pagesize: size });
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`${endpoint}?${query}`, { headers });
  if (answer.ok) return answer.json();
  const error = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(`${answer.status}: ${error.detail || "no reason was given."}`), {
    status: answer.status,
    wait: 1000 * Number(answer.headers.get("Retry-After")),
  });
}

async function readPages() {
  const found = [];
  let highest = latest;
  for (let start = 0, total = size; total === size; start += size) {
    const got = await page(latest, start);
    total = got.total;
    found.push(...got.results);
    if (found.length > MOST) throw Object.assign(new Error(`more than ${MOST} changes`), { many: true });
    if (Date.parse(got.latestUpdateAt) > Date.parse(highest)) highest = got.latestUpdateAt;
  }
  latest = highest; // only now: a paging session that failed is repeated from the same time
  return found;
}

const key = (person) => (person.inum || person.uid)[0];
const moment = (person, name) => Date.parse((person[name] || [])[0] ?? "") || -Infinity;
const changed = (person) => Math.max(...times.map((name) => moment(person, name)));

function take(found) {
  const fresh = found.filter((person) => {
    const text = JSON.stringify(person);
    const known = people.get(key(person));
    if (known && known.text === text) return false;
    if (known) known.row.remove();
    people.set(key(person), { text, row: row(person) });
    return true;
  });
  fresh.sort((a, b) => changed(a) - changed(b));
  for (const person of fresh) {
    const line = people.get(key(person)).row;
    if (begun) line.className = "fresh";
    body.prepend(line);
  }
  begun = true;
  while (body.rows.length > SHOWN) body.lastElementChild.remove();
}

function row(person) {
  const line = document.createElement("tr");
  const time = element("time", new Date(changed(person)).toISOString().slice(0, 23).replace("T", " "));
  line.append(cell(time, "time"), cell(what(person), "tags"), uid(person));
  line.append(cell((person.cn || person.displayName || []).join(", ")));
  line.append(cell((person.mail || []).join(", ")), cell(details(person)));
  return line;
}

function what(person) {
  const touched = times.filter((name) => moment(person, name) >= Date.parse(since));
  const tags = document.createDocumentFragment();
  if (touched.some((name) => /creat/i.test(name))) tags.append(element("span", "added", "tag added"), " ");
  if (touched.some((name) => !/creat/i.test(name))) tags.append(element("span", "edited", "tag edited"));
  return tags;
}

function uid(person) {
  const head = element("th");
  head.scope = "row";
  head.append(element("code", (person.uid || []).join(", ")));
  return head;
}

function details(person) {
  const box = element("details");
  box.append(element("summary", `${Object.keys(person).length} attributes`));
  box.append(element("pre", JSON.stringify(person, null, 2)));
  return box;
}

function cell(content, style = "") {
  const made = element("td", "", style);
  made.append(content);
  return made;
}

function element(name, text = "", style = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (style) made.className = style;
  return made;
}

function say(id, text) {
  if (part(id).textContent !== text) part(id).textContent = text; // read aloud only when it is new
}

function summarize() {
  const count = people.size;
  const some = count > SHOWN ? ` The last ${SHOWN} are shown.` : "";
  const who = count === 1 ? "1 person was" : `${count.toLocaleString("en")} people were`;
  say("summary", count ? `${who} added or changed.${some}` : "Nobody was added or changed since then.");
  part("list").hidden = !count;
  part("nobody").hidden = count > 0;
}

function complain(error) {
  part("token").hidden = error.status !== 401 && error.status !== 403;
  part("problem").hidden = false;
  if (error.many) say("problem", `There are ${error.message}. Choose a later time.`);
  else if (error.status) say("problem", `The operation answered ${error.message}`);
  else say("problem", "The server does not answer. It is asked again.");
}

async function update() {
  clearTimeout(timer);
  again = asking; // a token that comes meanwhile is not lost
  if (asking) return;
  asking = true;
  const wait = await ask();
  asking = false;
  if (again) update();
  else if (wait && part("live").checked) timer = setTimeout(update, wait);
}

// Returns after how many ms to ask again; 0 where that would not help.
async function ask() {
  let found;
  try {
    found = await readPages();
  } catch (error) {
    complain(error);
    return error.many || [400, 401, 403].includes(error.status) ? 0 : error.wait || EVERY;
  }
  take(found);
  summarize();
  say("as-of", `As of ${new Date().toISOString().slice(0, 19).replace("T", " ")} UTC`);
  part("problem").hidden = part("token").hidden = true;
  return EVERY;
}

part("live").addEventListener("change", (event) => {
  if (event.target.checked) update();
  else clearTimeout(timer);
});
part("token").addEventListener("submit", (event) => {
  event.preventDefault();
  token = part("bearer").value;
  update();
});
feed.hidden = false;
update();
