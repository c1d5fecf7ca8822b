/* Small conveniences; every page works without them. */
(function () {
  "use strict";

  // A form is not sent twice by an impatient second click.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post") { form.dataset.sent = "1"; }
  });

  // Coming back by the browser's button: the form can be sent again.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
  });

  // Fields that appear when another field has certain values: data-shown-when='{"open_class": ["conditional"]}'.
  function refresh() {
    document.querySelectorAll("[data-shown-when]").forEach(function (block) {
      var rule = JSON.parse(block.dataset.shownWhen);
      block.hidden = !Object.keys(rule).every(function (name) {
        var field = document.querySelector('[name="' + name + '"]:checked') ||
          document.querySelector('select[name="' + name + '"]');
        return !field || rule[name].indexOf(field.value) !== -1;
      });
    });
  }
  document.addEventListener("change", refresh);
  refresh();

  // Words and titles while something is typed into a search box; keyboard as in WAI-ARIA's combobox.
  document.querySelectorAll("input[data-suggest]").forEach(function (input, number) {
    var list = document.createElement("ul"), form = input.form, chosen = -1, asked = "", timer;
    list.className = "proposed"; list.id = "proposed-" + number; list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", input.getAttribute("aria-label"));
    input.after(list);
    Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
      "aria-controls": list.id, autocomplete: "off" }).forEach(function (pair) { input.setAttribute(pair[0], pair[1]); });

    function show(open) {
      list.hidden = !open; form.classList.toggle("typing", open);
      input.setAttribute("aria-expanded", String(open));
      if (!open) { choose(-1); }
    }
    function choose(place) {
      chosen = place;
      Array.from(list.children).forEach(function (item, at) { item.setAttribute("aria-selected", String(at === place)); });
      if (place < 0) { input.removeAttribute("aria-activedescendant"); return; }
      input.setAttribute("aria-activedescendant", list.children[place].id);
    }
    function take(item) { input.value = item.textContent; show(false); form.requestSubmit(); }
    function fill(found) {
      var words = found.words.map(function (one) { return [one.text, ""]; });
      var titles = found.datasets.map(function (one) { return [one.text, "title"]; });
      list.replaceChildren.apply(list, words.concat(titles).map(function (one, at) {
        var item = document.createElement("li");
        item.id = list.id + "-" + at; item.textContent = one[0]; item.className = one[1];
        item.setAttribute("role", "option");
        item.addEventListener("mousedown", function (event) { event.preventDefault(); take(item); });
        return item;
      }));
      show(list.children.length > 0 && document.activeElement === input);
    }
    function ask() {
      var typed = input.value.trim();
      asked = typed;
      if (!typed) { show(false); return; }
      window.fetch(input.dataset.suggest + "?q=" + encodeURIComponent(typed)).then(function (answer) {
        return answer.json();
      }).then(function (answer) { if (asked === typed && answer.success) { fill(answer.result); } }, function () { show(false); });
    }
    input.addEventListener("input", function (event) {
      window.clearTimeout(timer);
      if (!event.isComposing) { timer = window.setTimeout(ask, 200); }
    });
    input.addEventListener("compositionend", function () { window.clearTimeout(timer); timer = window.setTimeout(ask, 200); });
    input.addEventListener("blur", function () { show(false); });
    form.addEventListener("submit", function () { asked = ""; window.clearTimeout(timer); show(false); });
    input.addEventListener("keydown", function (event) {
      var count = list.children.length;
      if (list.hidden || event.isComposing) { return; }
      if (event.key === "Escape") { show(false); event.preventDefault(); }
      if (event.key === "ArrowDown") { choose((chosen + 1) % count); event.preventDefault(); }
      if (event.key === "ArrowUp") { choose(chosen > 0 ? chosen - 1 : count - 1); event.preventDefault(); }
      if (event.key === "Enter" && chosen >= 0) { take(list.children[chosen]); event.preventDefault(); }
    });
  });

  // A challenge against robots, solved while the form is being filled in. Without it stricter limits hold.
  document.querySelectorAll("form[data-challenge]").forEach(function (form) {
    var task = JSON.parse(form.dataset.challenge), text = new TextEncoder();
    if (!window.crypto || !window.crypto.subtle) { return; }
    function hex(digest) {
      return Array.from(new Uint8Array(digest), function (b) { return b.toString(16).padStart(2, "0"); }).join("");
    }
    function search(from) {
      var numbers = [];
      for (var n = from; n < from + 500 && n <= task.maxNumber; n += 1) { numbers.push(n); }
      Promise.all(numbers.map(function (number) {
        return window.crypto.subtle.digest("SHA-256", text.encode(task.salt + number));
      })).then(function (digests) {
        var found = digests.findIndex(function (digest) { return hex(digest) === task.challenge; });
        if (found === -1) { if (from + 500 <= task.maxNumber) { search(from + 500); } return; }
        form.elements.solution.value = window.btoa(JSON.stringify({
          algorithm: task.algorithm, challenge: task.challenge, number: numbers[found],
          salt: task.salt, signature: task.signature
        }));
      });
    }
    search(0);
  });

  // CKAN's lists to be put in order bring a heading of the first level; a page has one already.
  ["resource-reorder", "resource-view-reorder"].forEach(function (name) {
    var module = window.ckan && window.ckan.module && window.ckan.module.registry[name];
    if (module) {
      module.prototype.template.title = "<h2></h2>";
      module.prototype.template.handle = '<span class="handle" aria-hidden="true"><i class="fa fa-arrows"></i></span>';
    }
  });

  // What is wider than its place can be reached, and so moved, by keyboard.
  document.querySelectorAll(".scroll").forEach(function (part) {
    if (part.scrollWidth > part.clientWidth) { part.tabIndex = 0; }
  });

  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // Pieces of code are copied by a button, where the browser lets a page do so.
  document.querySelectorAll("button.copy").forEach(function (button) {
    if (!navigator.clipboard) { return; }
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.classList.add("done");
    });
  });

  // One more row in a table of data items.
  document.querySelectorAll("[data-add-row]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var body = document.querySelector(button.dataset.addRow + " tbody");
      var last = body.lastElementChild, row = last.cloneNode(true), count = body.children.length;
      row.querySelectorAll("input, select").forEach(function (field) {
        field.name = field.name.replace(/-\d+-/, "-" + count + "-");
        field.id = field.name;
        if (field.type === "checkbox") { field.checked = false; } else { field.value = ""; }
      });
      body.appendChild(row);
      row.querySelector("input").focus();
    });
  });

  // A part of a page that changes by itself: fetched anew until it says no more; then the page has more to tell.
  function follow(part) {
    window.setTimeout(function () {
      fetch(part.dataset.refresh, { credentials: "same-origin", redirect: "error" }).then(function (answer) {
        return answer.ok ? answer.text() : Promise.reject(answer.status);
      }).then(function (text) {
        var fresh = new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
        if (!fresh) { return; }
        if (!fresh.dataset.refresh) { window.location.reload(); return; }
        part.replaceWith(fresh);
        follow(fresh);
      }).catch(function () { follow(part); });
    }, document.hidden ? 15000 : 2000);
  }
  document.querySelectorAll("[data-refresh]").forEach(follow);
}());
