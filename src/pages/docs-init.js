// A file of its own, because the content security policy of the page allows no inline script.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  // The default would send the document's address to a validator elsewhere.
  validatorUrl: null,
});
