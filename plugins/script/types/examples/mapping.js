// A script that reads an answer.

/** @type {tenterhook.Map} */
export const map = (response) => {
  if (response.status === 503 || response.headers.get("retry-after") !== null) throw new Retry("busy");
  if (!response.ok) throw new Reject(`refused: ${response.text().slice(0, 100)}`);
  const { id, state } = response.json();
  return { sms_id: id, sms_status: state.code };
};

/** @type {tenterhook.Map} */
// @ts-expect-error: fields are an object
export const wrong = (response) => response.status;
