/* policy_fault.c - see policy_fault.h. */
#include "control/policy_fault.h"

void policy_fault_write(struct json_out *o, const struct policy_fault *f)
{
    json_obj(o);
    json_kstr(o, "file", slice_str(f->file));
    json_knum(o, "line", f->row);
    json_knum(o, "column", f->col);
    json_kstr(o, "message", slice_str(f->text));
    json_obj_end(o);
}

void policy_fault_answer(struct request *r, const struct policy_fault *f)
{
    struct json_out o;
    r->status = 400;
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "error", SLICE("Policy does not compile"));
    json_kstr(&o, "code", SLICE("policy_error"));
    json_key(&o, "details");
    policy_fault_write(&o, f);
    json_obj_end(&o);
}
