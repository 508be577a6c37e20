"use strict";
// Shows the operation's own document; Swagger UI is served from here as well.
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  docExpansion: "full",
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  // The page has a main landmark already, around the one that Swagger UI brings.
  onComplete: () => place.querySelector("main")?.setAttribute("role", "none"),
});
