/* Try an action where its documentation stands. Reading works without this: the form then leads to the answer. */
(function () {
  "use strict";
  var form = document.querySelector("form[data-try]");
  if (!form) { return; }
  var curl = document.querySelector("[data-curl] code"), place = document.querySelector("[data-answer]");
  var reads = form.method === "get";

  function quoted(text) { return "'" + text.replace(/'/g, "'\\''") + "'"; }

  function value(field) {
    if (field.dataset.kind === "integer" && /^-?\d+$/.test(field.value)) { return Number(field.value); }
    if (field.dataset.kind === "boolean") { return field.value === "true"; }
    if (field.dataset.kind === "array" || field.dataset.kind === "object") {
      try { return JSON.parse(field.value); } catch (error) { return field.value; }
    }
    return field.value;
  }

  function filled() {
    return Array.from(form.elements).filter(function (field) {
      return field.name && (field.type === "file" ? field.files.length : field.value !== "");
    });
  }

  function command() {
    var parts = [(reads ? "curl -sG " : "curl -s ") + quoted(form.action)];
    if (!reads) { parts.push('-H "Authorization: $TOKEN"'); }
    var files = filled().some(function (field) { return field.type === "file"; });
    if (reads || files) {
      filled().forEach(function (field) {
        var said = field.type === "file" ? "@" + field.files[0].name : field.value;
        parts.push((reads ? "--data-urlencode " : "-F ") + quoted(field.name + "=" + said));
      });
    } else {
      var sent = {};
      filled().forEach(function (field) { sent[field.name] = value(field); });
      parts.push("-H 'Content-Type: application/json'", "-d " + quoted(JSON.stringify(sent)));
    }
    curl.textContent = parts.join(" \\\n  ");
  }

  function show(status, text) {
    var code = document.createElement("pre"), head = document.createElement("p");
    head.textContent = "HTTP " + status;
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch (error) { /* not JSON: as it came */ }
    code.tabIndex = 0;
    code.appendChild(document.createElement("code")).textContent = text.slice(0, 100000);
    place.replaceChildren(head, code);
  }

  form.addEventListener("input", command);
  form.addEventListener("change", command);
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    var asked;
    if (reads) {
      var query = new URLSearchParams();
      filled().forEach(function (field) { query.append(field.name, field.value); });
      asked = fetch(form.action + "?" + query, { headers: { Accept: "application/json" } });
    } else {
      var token = form.querySelector("[data-token]").value, body = new FormData();
      var files = filled().some(function (field) { return field.type === "file"; }), sent = {};
      filled().forEach(function (field) {
        sent[field.name] = value(field);
        body.append(field.name, field.type === "file" ? field.files[0] : field.value);
      });
      var headers = { Authorization: token, Accept: "application/json" };
      if (!files) { headers["Content-Type"] = "application/json"; body = JSON.stringify(sent); }
      asked = fetch(form.action, { method: "POST", headers: headers, body: body, credentials: "omit" });
    }
    asked.then(function (answer) {
      return answer.text().then(function (text) { show(answer.status, text); });
    }).catch(function (error) { show("—", String(error)); }).then(function () { delete form.dataset.sent; });
  });
}());
