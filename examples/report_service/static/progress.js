"use strict";
// Follows the job: server-sent events move the bar, the last one leads to the report. A connection that is lost is made
// again by the browser, which says which event it saw last.

const job = document.getElementById("job");
const bar = document.getElementById("bar");
const percent = document.getElementById("percent");
const note = document.getElementById("note");
const news = new EventSource(job.dataset.progress);

news.addEventListener("progress", (event) => {
  const told = JSON.parse(event.data);
  bar.value = told.done / told.total;
  percent.textContent = `${Math.floor(100 * bar.value)} %`;
  note.textContent = told.note;
});

news.addEventListener("status", (event) => {
  const said = JSON.parse(event.data);
  if (said.status === "started") note.textContent = "A worker has begun …";
  if (said.status === "retrying") note.textContent = "It is tried again …";
});

news.addEventListener("outcome", () => {
  news.close();
  location.reload(); // the same address shows the report now, or why there is none
});

news.addEventListener("error", () => {
  if (news.readyState === EventSource.CLOSED) location.reload();
  else note.textContent = "The connection is lost; trying again …";
});
