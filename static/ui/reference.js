"use strict";
// The document of the management API, as a page: each tag with its operations.

const room = document.getElementById("reference");

function made(name, text, parent) {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

function operation(path, method, said, schemas, parent) {
  const details = made("details", "", parent);
  const summary = made("summary", "", details);
  made("code", `${method.toUpperCase()} ${path}`, summary);
  made("span", ` ${said.operationId}`, summary);
  const scopes = (said.security || []).flatMap((one) => Object.values(one).flat());
  made("p", `${said.description} ${scopes.length ? `Scope: ${scopes.join(", ")}.` : ""}`, details);
  const asked = said.parameters.filter((one) => one.in === "query").map((one) => one.name);
  if (asked.length) made("p", `Parameters: ${asked.join(", ")}.`, details);
  if (said.requestBody) {
    const schema = said.requestBody.content["application/json"].schema;
    const name = (schema.items || schema).$ref.split("/").pop();
    made("pre", JSON.stringify(schemas[name], null, 2), details);
  }
}

async function show() {
  const answer = await fetch(room.dataset.from);
  if (!answer.ok) return;
  const said = await answer.json();
  room.replaceChildren();
  for (const { name } of said.tags) {
    const section = made("section", "", room);
    section.className = "card card-body";
    made("h2", name, section).className = "b-title";
    for (const [path, methods] of Object.entries(said.paths))
      for (const [method, one] of Object.entries(methods))
        if (one.tags.includes(name)) operation(path, method, one, said.components.schemas, section);
  }
}

show();
