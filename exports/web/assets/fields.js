// The fields of what a model reads beside an image, or instead of one: whole numbers, and the columns of rows.

// Values by input: a number, or a Float32Array with NaN for what is not known. Each field is right or marked
// wrong; `changed()` is called whenever a value has changed.
export class Fields {
  // `inputs` are those of card.json without the image; `columns` are [name, names of a category or null] by vector.
  constructor(place, inputs, columns, changed) {
    this.changed = changed;
    this.values = {};
    this.show = {};
    for (const input of inputs) {
      if (columns[input.name]) place.append(this.row(input.name, columns[input.name]));
      else place.append(this.wholeNumber(input));
    }
  }

  // Fill in what a real sample has.
  set(values) {
    for (const [name, value] of Object.entries(values)) this.show[name](value);
  }

  // One field: a whole number.
  wholeNumber({ name, range, description }) {
    const said = description || `whole number, ${range[0]} to ${range[1]}`;
    const field = make("input", { type: "number", min: range[0], max: range[1], step: 1, value: 0, id: `input-${name}` });
    const about = make("p", { className: "note", id: `about-${name}`, textContent: said });
    field.setAttribute("aria-describedby", about.id);
    this.values[name] = 0;
    const read = () => {
      const value = Number(field.value);
      const right = field.value !== "" && Number.isInteger(value) && value >= range[0] && value <= range[1];
      mark(field, about, right, right ? said : `must be a whole number from ${range[0]} to ${range[1]}`);
      if (!right) return;
      this.values[name] = value;
      this.changed();
    };
    field.addEventListener("input", read);
    this.show[name] = (value) => {
      field.value = value;
      read();
    };
    return box(name, field, about);
  }

  // A field per column: a number, which may be left empty, or the names of a category.
  row(name, columns) {
    const group = make("fieldset", { className: "row", id: `input-${name}` });
    group.append(make("legend", { textContent: name }));
    const values = (this.values[name] = new Float32Array(columns.length).fill(NaN));
    const shown = columns.map(([column, names], index) => {
      const id = `input-${name}-${index}`;
      const about = make("p", { className: "note", id: `about-${name}-${index}` });
      const field = names ? choice(names, id) : make("input", { type: "number", step: "any", id, placeholder: "not known" });
      field.setAttribute("aria-describedby", about.id);
      const read = () => {
        const value = field.value === "" ? NaN : Math.fround(Number(field.value));
        const right = !field.validity.badInput && Math.abs(value) !== Infinity;
        mark(field, about, right, right ? "" : "must be a number, or empty where it is not known");
        if (right) values[index] = value;
        return right;
      };
      field.addEventListener("input", () => read() && this.changed());
      group.append(box(column, field, about));
      return (value) => {
        field.value = value === null || Number.isNaN(value) ? "" : String(names ? value : Number(value.toPrecision(7)));
        read();
        // The field rounds what it shows; the model gets the sample's own number.
        values[index] = value === null ? NaN : value;
      };
    });
    this.show[name] = (row) => {
      row.forEach((value, index) => shown[index](value));
      this.changed();
    };
    return group;
  }
}

function choice(names, id) {
  const field = make("select", { id });
  field.append(make("option", { value: "", textContent: "not known" }));
  names.forEach((text, index) => field.append(make("option", { value: String(index), textContent: text })));
  return field;
}

function box(name, field, about) {
  const place = make("div", { className: "number-field" });
  place.append(make("label", { textContent: name, htmlFor: field.id }), field, about);
  return place;
}

function mark(field, about, right, text) {
  field.setAttribute("aria-invalid", String(!right));
  about.classList.toggle("wrong", !right);
  about.textContent = text;
}

function make(tag, values = {}) {
  return Object.assign(document.createElement(tag), values);
}
