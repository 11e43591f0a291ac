// Shows how far the student is: a sign in the list of lectures and in tables of exercises, a line on the exercise's own page.
"use strict";

const SIGNS = { done: "✓", begun: "◐" };
const ROOT = new URL(document.documentElement.dataset.content_root || "./", location.href);

function pageOf(link) {
  const url = new URL(link.href, location.href);
  return decodeURIComponent(url.href.slice(ROOT.href.length)).replace(/[#?].*$/, "").replace(/\.html$/, "");
}

function mark(link, own) {
  if (!own || !SIGNS[own.state]) return;
  const sign = document.createElement("span");
  sign.className = `own own-${own.state}`;
  sign.textContent = ` ${SIGNS[own.state]}`;
  sign.title = `Your work: ${own.text}`;
  sign.setAttribute("aria-label", `(${own.state})`);
  link.append(sign);
}

for (const link of document.querySelectorAll(".lectures a, article table a.reference.internal")) {
  mark(link, ownStanding[link.dataset.page || pageOf(link)]);
}

const current = document.querySelector(".lectures a[aria-current]");
const own = current && ownStanding[current.dataset.page];
const title = document.querySelector("article h1");
if (own && title) {
  const line = document.createElement("p");
  line.className = `own-line own-${own.state}`;
  line.append("Your work: ", own.text);
  if (own.state !== "done") {
    const command = document.createElement("code");
    command.textContent = `autograder check ${current.dataset.page}`;
    line.append(" Check it with ", command);
  }
  title.after(line);
}
